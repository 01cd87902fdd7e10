"""The expression language of the IoT Agents (JEXL), as a parser and closures; nothing is `eval`ed.

Existing Python packages evaluate with Python's rules (`"a" + 1` fails, `7 / 7` is `1.0`);
provisioned expressions were written for JavaScript's, so these are the rules here.
"""

from adapters.mqtt.expressions.lexer import InvalidExpression
from adapters.mqtt.expressions.parser import Expression, compile_expression

__all__ = ["Expression", "InvalidExpression", "compile_expression"]
