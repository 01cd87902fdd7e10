from random import Random

from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.settings import DeviceSettings, Signal
from adapters.simulator.signals import measures, value_at

HARBOUR = DeviceSettings(
    topic="/json/k/harbour/attrs",
    values={"t": Signal(mean=17, swing=5, noise=0.3), "n": Signal(mean=20, digits=0)},
)


def test_the_same_time_gives_the_same_measures():
    assert measures(HARBOUR, 1000.0) == measures(HARBOUR, 1000.0)
    assert measures(HARBOUR, 1000.0) != measures(HARBOUR, 9000.0)
    assert isinstance(measures(HARBOUR, 1000.0)["n"], int)


def test_a_wave_without_noise():
    signal = Signal(mean=10, swing=2, period=100)
    values = [value_at(signal, seconds, 0.0, Random(1)) for seconds in (0, 25, 50, 75)]
    assert values == [10, 12, 10, 8]


@given(st.floats(-1e6, 1e6), st.floats(0, 100), st.floats(0, 1e9))
def test_bounds_hold(mean, noise, seconds):
    signal = Signal(mean=mean, noise=noise, least=-5, most=5)
    assert -5 <= value_at(signal, seconds, 0.3, Random(1)) <= 5
