"""All pages of a paged document, joined to one: the first page, with the items of all in its list.

A mapping therefore reads a paged document as it would read one that came whole. There is no half a
document: a page that cannot be had fails the poll, the document of the poll before stays in use,
and the next poll begins with the first page. A page the partner is too busy for is asked for again
a few times before that.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from yarl import URL

from adapters.rest.expressions import compiled_if_given, search
from adapters.rest.settings import PagesSpec
from adapters.runtime.backoff import Backoff
from adapters.runtime.errors import AdapterError, RetryLater, SkipRecord
from adapters.runtime.http_client import Fetched

log = logging.getLogger(__name__)
PARAMETERS = r"(?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+))?)*"
LINK = re.compile(rf"<([^<>]*)>({PARAMETERS})")
RELATION = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)
BUSY = frozenset({429, 502, 503, 504})
TRIES = 4
FIRST_PAUSE = 0.3
LONGEST_PAUSE = 60.0

Ask = Callable[[str], Awaitable[Fetched]]
Parse = Callable[[Fetched], Any]


class Pages:
    """How the pages of one source follow each other; raises `Misconfigured` for an expression."""

    def __init__(self, spec: PagesSpec, *, name: str) -> None:
        where = f"sources.{name}.pages"
        self.spec = spec
        self._name = name
        self._path = spec.items.split(".") if spec.items else []
        self._next = compiled_if_given(spec.next, f"{where}.next")
        self._more = compiled_if_given(spec.more, f"{where}.more")
        self._total = compiled_if_given(spec.total, f"{where}.total")

    async def joined(self, first: str, ask: Ask, parse: Parse, *, most_bytes: int) -> Any:
        """Return all pages from the URL `first` on as one document.

        Raises `RetryLater` or `SkipRecord` that says which page could not be had and why.
        """
        whole = _Whole(self._path)
        asked: list[str] = []
        url: str | None = self._beginning(first)
        try:
            async with asyncio.timeout(self.spec.time):
                while url is not None:
                    asked.append(url)
                    self._judge(asked)
                    with _Named(len(asked), self._name):
                        answer = await _patiently(ask, url)
                        page = parse(answer)
                        new = whole.add(page, answer.body, most_bytes)
                        url = self._following(url, answer, page, new=new, so_far=len(whole.items))
        except TimeoutError as error:
            raise RetryLater(
                f"{self._name} was not complete after {self.spec.time:g} s, "
                f"in which {len(asked)} pages were asked for; `pages.time` is the limit"
            ) from error
        return whole.document()

    def _beginning(self, url: str) -> str:
        start = self.spec.start
        return url if start is None else self._with_parameter(url, start)

    def _judge(self, asked: list[str]) -> None:
        if asked[-1] in asked[:-1]:
            raise SkipRecord(f"{self._name}: its pages go in a circle, back to {asked[-1]}")
        if len(asked) > self.spec.most:
            raise SkipRecord(
                f"{self._name} has more than {self.spec.most} pages; `pages.most` is the limit"
            )

    def _following(
        self, url: str, answer: Fetched, page: Any, *, new: int, so_far: int
    ) -> str | None:
        """Return the URL of the page after this one, `None` after the last."""
        spec = self.spec
        if spec.by == "link":
            return _linked(answer)
        if spec.by in ("page", "offset"):
            return self._counted(url, page, new=new, so_far=so_far)
        found = search(self._next, page) if self._next else None
        if found is None or found is False or found == "":
            return None
        if isinstance(found, bool) or not isinstance(found, str | int):
            raise SkipRecord(f"`next: {spec.next}` finds {found!r:.60}, and no {spec.by}")
        if spec.by == "url":
            return _resolved(answer.url, str(found))
        return self._with_parameter(url, found)

    def _counted(self, url: str, page: Any, *, new: int, so_far: int) -> str | None:
        total = self._counted_total(page)
        if total is not None and so_far >= total:
            return None
        if not new or (self._more and search(self._more, page) in (None, False)):
            if total is not None:
                log.warning("%s: its pages held %d items of %d", self._name, so_far, total)
            return None
        at = int(URL(url).query[self.spec.parameter])
        return self._with_parameter(url, at + (1 if self.spec.by == "page" else new))

    def _counted_total(self, page: Any) -> int | None:
        found = search(self._total, page) if self._total else None
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def _with_parameter(self, url: str, value: str | int) -> str:
        return str(URL(url).update_query({self.spec.parameter: str(value)}))


class _Whole:
    """The document that grows page by page."""

    def __init__(self, path: list[str]) -> None:
        self._path = path
        self._first: Any = None
        self._size = 0
        self._body_before = b""
        self.items: list[Any] = []

    def add(self, page: Any, body: bytes, most_bytes: int) -> int:
        """Add the items of a page (`body` is its bytes) and return how many they are.

        Raises `SkipRecord` for a page without a list, one that came before, and for more than
        `most_bytes` of all pages.
        """
        found = page
        for name in self._path:
            found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, list):
            place = ".".join(self._path)
            where = f"`items: {place}`" if place else "it"
            raise SkipRecord(f"{where} is {type(found).__name__} and not a list")
        if found and body == self._body_before:
            raise SkipRecord("it is the page before once more; does the partner know `parameter`?")
        self._body_before = body
        self._size += len(body)
        if self._size > most_bytes:
            raise SkipRecord(f"the pages together are larger than {most_bytes} bytes")
        if self._first is None:
            self._first = page
        self.items.extend(found)
        return len(found)

    def document(self) -> Any:
        """Return the first page with the items of all pages."""
        if not self._path:
            return self.items
        holder = self._first
        for name in self._path[:-1]:
            holder = holder[name]
        holder[self._path[-1]] = self.items
        return self._first


class _Named:
    """Says of an error which page it is about; no link of a partner stops the adapter."""

    def __init__(self, number: int, source: str) -> None:
        self._number = number
        self._page = f"page {number} of {source}"

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, RetryLater):
            raise RetryLater(f"{self._page}: {error.detail}", after=error.after) from error
        if isinstance(error, SkipRecord) or (isinstance(error, AdapterError) and self._number > 1):
            raise SkipRecord(f"{self._page}: {error.detail}") from error


async def _patiently(ask: Ask, url: str) -> Fetched:
    """Ask for a page, and again after a pause when the partner is too busy or does not answer."""
    backoff = Backoff(first=FIRST_PAUSE)
    for _ in range(TRIES - 1):
        try:
            answer = await ask(url)
        except RetryLater as error:
            log.info("%s", error.detail)
            await backoff.pause()
            continue
        wait = answer.retry_after
        if answer.status not in BUSY or (wait or 0.0) > LONGEST_PAUSE:
            return answer
        await backoff.pause(wait)
    return await ask(url)


def _linked(answer: Fetched) -> str | None:
    """Return the target of the link with rel=next (RFC 8288), resolved."""
    for target, parameters in LINK.findall(answer.headers.get("link", "")):
        relation = RELATION.search(parameters)
        if relation and "next" in (relation[1] or relation[2]).lower().split():
            return _resolved(answer.url, target)
    return None


def _resolved(base: str, reference: str) -> str:
    try:
        return str(URL(base).join(URL(reference)))
    except ValueError as error:
        raise SkipRecord(f"the next page is no URL: {reference!r:.200}") from error
