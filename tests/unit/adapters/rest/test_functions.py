import jmespath
import pytest

from adapters.rest.functions import OPTIONS


def evaluate(expression, document=None):
    return jmespath.search(expression, document, options=OPTIONS)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("items(@)", [{"key": "a", "value": [21.5, 0]}, {"key": "b", "value": [1, 5]}]),
        ("flagged(a, `[0]`)", 21.5),
        ("flagged(b, `[0]`)", None),
        ("flagged(b, `[0, 5]`)", 1),
        ("flagged(nothing, `[0]`)", None),
        ("if(a[1] == `0`, 'yes', 'no')", "yes"),
        ("if(nothing, 'yes', 'no')", "no"),
        ("if(a, 'yes', 'no')", "yes"),
        ("add(`1`, `2`)", 3),
        ("add(`1`, nothing)", None),
        ("multiply(`16`, `22.5`)", 360.0),
        ("divide(`7`, `100`)", 0.07),
        ("divide(`7`, `0`)", None),
        ("divide(nothing, `100`)", None),
        ("round(`3.14159`, `2`)", 3.14),
        ("number('12')", 12),
        ("number('12.50')", 12.5),
        ("number('-')", None),
        ("number('1,234,567.5')", 1234567.5),
        ("number('-1,234')", -1234),
        ("number('21,5')", None),
        ("number('NaN')", None),
        ("number('Infinity')", None),
        ("number(`true`)", None),
        ("text(`12`)", "12"),
        ("degrees(`[45, 31.2]`)", 45.52),
        ("degrees(`[-0.0, 30]`)", -0.5),
        ("degrees(`[138, 15, 36]`)", 138.26),
        ("degrees(nothing)", None),
        ("degrees(`[null, 1]`)", None),
        ("jst('20210224150000')", "2021-02-24T06:00:00Z"),
        ("jst('2021-02-24T15:00:00+09:00')", "2021-02-24T06:00:00Z"),
        ("jst('2021/02/24 15:00')", "2021-02-24T06:00:00Z"),
        ("jst('2021-02-24T06:00:00Z')", "2021-02-24T06:00:00Z"),
        ("jst('20210231')", None),
        ("jst('2021/2/4 9:05')", "2021-02-04T00:05:00Z"),
        ("jst('2021/2/4')", "2021-02-03T15:00:00Z"),
        ("jst('2021-02-24 24:00')", "2021-02-24T15:00:00Z"),
        ("jst('202102242400')", "2021-02-24T15:00:00Z"),
        ("jst('2021年2月4日 9時5分')", "2021-02-04T00:05:00Z"),
        ("jst('2021年2月4日9時')", "2021-02-04T00:00:00Z"),
        ("jst('2021/2/4 24:10')", None),
        ("jst('2021/2/30 9:00')", None),
        ("jst('soon')", None),
        ("compact_jst('2021-02-24T06:00:00Z')", "20210224150000"),
        ("epoch(`1733010135`)", "2024-11-30T23:42:15Z"),
        ("epoch('1733010135123')", "2024-11-30T23:42:15.123Z"),
        ("epoch(nothing)", None),
        ("epoch(`0`)", None),
        ("epoch('x')", None),
        ("epoch(`2024`)", None),
        ("epoch(`20240401`)", None),
        ("epoch('20240401090000')", None),
        ("epoch('NaN')", None),
    ],
)
def test_functions(expression, result):
    assert evaluate(expression, {"a": [21.5, 0], "b": [1, 5]}) == result
