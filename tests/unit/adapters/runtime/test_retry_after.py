"""How long an HTTP partner asks to be left alone."""

import time
from email.utils import formatdate

import pytest

from adapters.runtime.broker_client import seconds_to_wait


@pytest.mark.parametrize(
    ("header", "seconds"), [(None, None), ("0", 0), (" 120 ", 120), ("soon", None), ("-5", None)]
)
def test_seconds(header, seconds):
    assert seconds_to_wait(header) == seconds


def test_a_date_is_the_time_until_it():
    wait = seconds_to_wait(formatdate(time.time() + 600, usegmt=True))
    assert 500 < wait <= 600
    assert seconds_to_wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0
