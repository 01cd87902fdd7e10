"""The command line of `mutsura import`."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path

from adapters.csv.decoding import MAX_BYTES
from adapters.csv.values.codes import is_municipality_code
from adapters.csv.vocabulary import CONTEXT_URL


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line; ends the process with 2 and says why if it is wrong.

    What can be known before anything is read is known here: an address, a municipality code, a
    share, a token file that cannot be read, a report that cannot be written.
    """
    return _parser().parse_args(argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mutsura import",
        usage="%(prog)s [OPTION ...] FILE ...",
        description="Import municipal open data (CSV, TSV) into the broker.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="files, folders or URLs")
    parser.add_argument(
        "--broker",
        type=_url,
        default="http://127.0.0.1:1026",
        help="base URL (default: %(default)s)",
    )
    parser.add_argument("--tenant", help="tenant the entities belong to")
    parser.add_argument(
        "--context", default=CONTEXT_URL, help="@context of the names (default: %(default)s)"
    )
    parser.add_argument("--token-file", type=_token_file, help="file with a bearer token")
    parser.add_argument("--dry-run", action="store_true", help="read and report, write nothing")
    parser.add_argument(
        "--complete",
        choices=("report", "end"),
        help="the file is the complete list: report, or mark as ended, what is not in it",
    )
    parser.add_argument(
        "--most-rejected",
        type=_share,
        default=0.5,
        metavar="SHARE",
        help="share of rejected rows from which a file is refused (default: 0.5)",
    )
    parser.add_argument("--max-bytes", type=int, default=MAX_BYTES, help=argparse.SUPPRESS)
    parser.add_argument(
        "--private-addresses", action="store_true", help="URLs may lead into the private network"
    )
    _add_knowledge(parser)
    _add_reporting(parser)
    return parser


def _add_knowledge(parser: argparse.ArgumentParser) -> None:
    """Add what the caller knows better than the file."""
    parser.add_argument(
        "--municipality",
        type=_code,
        metavar="CODE",
        help="six-digit code of the publisher",
    )
    parser.add_argument(
        "--mapping", type=Path, metavar="TOML", help="mapping file for a layout of your own"
    )
    parser.add_argument(
        "--type", default="", help="entity type, when the columns do not tell (see --list-types)"
    )
    parser.add_argument("--license", default="", help="licence, kept with every entity")
    parser.add_argument("--attribution", default="", help="who is named as provider of the data")


def _add_reporting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--report", type=_new_file, metavar="JSON", help="write the full report to this file"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="show every finding, not only the first ones"
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 when any row was rejected"
    )
    parser.add_argument(
        "--propose-mapping",
        action="store_true",
        help="print a mapping file for FILE instead of importing it",
    )
    parser.add_argument(
        "--list-types", action="store_true", help="print the entity types that are known"
    )


def _code(plain: str) -> str:
    if not is_municipality_code(plain):
        raise argparse.ArgumentTypeError(
            f"{plain} is not a municipality code (six digits, the last a check digit)"
        )
    return plain


def _url(plain: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+.*", plain):
        raise argparse.ArgumentTypeError(f"{plain} is no address such as http://127.0.0.1:1026")
    return plain


def _token_file(plain: str) -> Path:
    if not os.access(plain, os.R_OK):
        raise argparse.ArgumentTypeError(f"{plain} cannot be read")
    return Path(plain)


def _new_file(plain: str) -> Path:
    """A file that can be written, which is better known before an import than after it."""
    path = Path(plain)
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{plain} cannot be written: check the folder")
    return path


def _share(plain: str) -> float:
    if not re.fullmatch(r"0(\.\d+)?|1(\.0+)?", plain):
        raise argparse.ArgumentTypeError("a share between 0 and 1 is expected, such as 0.2")
    return float(plain)
