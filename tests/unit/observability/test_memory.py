import gc

from broker.observability.memory import building_what_stays


def test_the_collector_is_away_while_something_is_built_and_back_afterwards():
    with building_what_stays():
        assert not gc.isenabled()
        built = [[number] for number in range(1000)]
    try:
        assert gc.isenabled()
        assert gc.get_freeze_count() >= len(built)
        assert not any(one is built[0] for one in gc.get_objects())
    finally:
        gc.unfreeze()
