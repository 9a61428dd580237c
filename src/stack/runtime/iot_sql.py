"""The expressions of filter and math activities: JSON values, operators and functions of IoT SQL.

A message is a value of exact_json, whose names stand here too. Inside an expression a value is one of

    UNDEFINED        a missing attribute, or an operation that its operands do not allow
    None             the JSON null
    bool, str        themselves
    int              Int: whole, at most 34 digits
    decimal.Decimal  Decimal: 34 digits, 1E-999 to 9.99...E999; closer to zero is zero
    list, dict       arrays and objects of the message

Nothing here raises on the content of a message: what has no value is UNDEFINED. `drop=True` makes an operation raise
DropMessage where it divides by zero, takes the logarithm of zero or less, or has a result that no number holds.
"""

import decimal
import math
import re

from exact_json import Number, dumps, loads

__all__ = ["Number", "UNDEFINED", "DropMessage", "loads", "dumps", "passes", "result"]

class DropMessage(Exception):
    """The message goes no further than this activity."""


class _Undefined:
    __slots__ = ()

    def __repr__(self):
        return "UNDEFINED"

    def __bool__(self):
        raise TypeError("UNDEFINED is neither true nor false")


UNDEFINED = _Undefined()

# --- Numbers --------------------------------------------------------------------------------------------------------

# Half-even at 34 digits. Exponents may run wide inside an operation; _bounded judges its result.
_CONTEXT = decimal.Context(
    prec=34, rounding=decimal.ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, capitals=1, clamp=0, traps=[]
)
_ZERO = decimal.Decimal(0)
_EXPONENT_MAX = 999
_INT_END = 10**34  # an Int is smaller
_NUMERIC = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE]-?[0-9]+)?")


def _bounded(value):
    """A Decimal as the language holds it; None beyond 9.99...E999."""
    if not value.is_finite():
        return None
    if value.is_zero() or value.adjusted() < -_EXPONENT_MAX:
        return _ZERO
    if value.adjusted() > _EXPONENT_MAX:
        return None
    return value


def _to_int(value):
    """The Int that a Decimal is, None where it has a fraction or more than 34 digits."""
    if value.adjusted() >= 34 or value != value.to_integral_value():
        return None
    return int(value)


def _of(value):
    """A value of a message as a value of an expression: whole numbers are Int, however they are written."""
    if type(value) is not Number:
        return value
    number = _bounded(_CONTEXT.create_decimal(value.text))
    return UNDEFINED if number is None else whole(number)


def _number(value):
    """To Decimal, where an operator or a function wants a number; None for what has none."""
    kind = type(value)
    if kind is int or kind is decimal.Decimal:
        return value
    if kind is str and _NUMERIC.fullmatch(value) is not None:
        return _bounded(_CONTEXT.create_decimal(value))
    return None


def _boolean(value):
    """To Boolean; None for what has none."""
    if type(value) is bool:
        return value
    if type(value) is str and len(value) < 6:
        return {"true": True, "false": False}.get(value.lower())
    return None


def _number_text(number):
    """Whole numbers of up to 34 digits without a point, all others as decimal arithmetic writes them."""
    number = whole(number)
    return str(number) if type(number) is int else _CONTEXT.to_sci_string(_CONTEXT.normalize(number))


def _text(value):
    """To String; None for what has none."""
    kind = type(value)
    if kind is str:
        return value
    if kind is int or kind is decimal.Decimal:
        return _number_text(value)
    if value is UNDEFINED or value is None:
        return None
    return dumps(value)


def _no_result(drop):
    if drop:
        raise DropMessage("an operation has no value")
    return UNDEFINED


def decimal_literal(text):
    """A literal with a point or an exponent."""
    value = _bounded(_CONTEXT.create_decimal(text))
    return UNDEFINED if value is None else value


def whole(value):
    """An Int where a Decimal is whole and has at most 34 digits; everything else as it is."""
    if type(value) is decimal.Decimal:
        number = _to_int(value)
        if number is not None:
            return number
    return value


# --- What an activity asks ------------------------------------------------------------------------------------------


def attribute(message, *names):
    """The value under these names, one below the other."""
    value = message
    for name in names:
        if type(value) is not dict or name not in value:
            return UNDEFINED
        value = value[name]
    return _of(value)


def passes(value, text=False):
    """Whether a filter lets the message pass: only where its condition is true (with text=True also "true")."""
    return value is True or (text and type(value) is str and _boolean(value) is True)


def result(value, text=True, drop=False):
    """What a math activity writes: a Number, or a str where text allows it; UNDEFINED where there is nothing to write."""
    kind = type(value)
    if kind is int or kind is decimal.Decimal:
        return Number(_number_text(value))
    if kind is str and text:
        return value
    if drop:
        raise DropMessage("the expression has no value")
    return UNDEFINED


# --- Operators ------------------------------------------------------------------------------------------------------


def and_(left, right):
    """UNDEFINED unless both sides are booleans, even where one side would decide."""
    left, right = _boolean(left), _boolean(right)
    return UNDEFINED if left is None or right is None else left and right


def or_(left, right):
    """UNDEFINED unless both sides are booleans, even where one side would decide."""
    left, right = _boolean(left), _boolean(right)
    return UNDEFINED if left is None or right is None else left or right


def not_(value):
    value = _boolean(value)
    return UNDEFINED if value is None else not value


def _same(left, right):
    """Whether two values are equal; different types are not."""
    kind, other = type(left), type(right)
    if kind in (int, decimal.Decimal) and other in (int, decimal.Decimal):
        return left == right
    if kind is not other:
        return False
    if kind is list:
        return len(left) == len(right) and all(map(_same_inside, left, right))
    if kind is dict:
        return len(left) == len(right) and all(
            name in right and _same_inside(value, right[name]) for name, value in left.items()
        )
    return kind in (bool, str) and left == right


def _same_inside(left, right):
    """Equality below the top: null equals null, and a number that no expression can hold equals nothing."""
    return (left is None and right is None) or _same(_of(left), _of(right))


def equal(left, right, null_equal=True):
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    if left is None and right is None:
        return True if null_equal else UNDEFINED
    return _same(left, right)


def not_equal(left, right):
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    return not (left is None and right is None) and not _same(left, right)


def exists(value):
    """`value <> NULL` as a check of existence: false where it is missing or null."""
    return value is not UNDEFINED and value is not None


def _ordered(left, right, decide):
    left, right = _number(left), _number(right)
    return UNDEFINED if left is None or right is None else decide(left, right)


def less(left, right):
    return _ordered(left, right, lambda a, b: a < b)


def less_or_equal(left, right):
    return _ordered(left, right, lambda a, b: a <= b)


def greater(left, right):
    return _ordered(left, right, lambda a, b: a > b)


def greater_or_equal(left, right):
    return _ordered(left, right, lambda a, b: a >= b)


def _arithmetic(left, right, ints, decimals, drop):
    """Int by Int is Int; otherwise both become Decimal, numeric strings too."""
    left, right = _number(left), _number(right)
    if left is None or right is None:
        return UNDEFINED
    if type(left) is int and type(right) is int:
        value = ints(left, right)
        return value if value is not None and -_INT_END < value < _INT_END else _no_result(drop)
    value = _bounded(decimals(decimal.Decimal(left), decimal.Decimal(right)))
    return value if value is not None else _no_result(drop)


def add(left, right, drop=False):
    """Joins where either side is a string, else adds."""
    if type(left) is str or type(right) is str:
        left, right = _text(left), _text(right)
        return UNDEFINED if left is None or right is None else left + right
    return _arithmetic(left, right, lambda a, b: a + b, _CONTEXT.add, drop)


def subtract(left, right, drop=False):
    return _arithmetic(left, right, lambda a, b: a - b, _CONTEXT.subtract, drop)


def multiply(left, right, drop=False):
    return _arithmetic(left, right, lambda a, b: a * b, _CONTEXT.multiply, drop)


def _int_quotient(a, b):
    """Cut toward zero."""
    if b == 0:
        return None
    quotient = a // b
    return quotient + 1 if quotient < 0 and quotient * b != a else quotient


def _int_remainder(a, b):
    """With the sign of the dividend."""
    quotient = _int_quotient(a, b)
    return None if quotient is None else a - quotient * b


def divide(left, right, drop=False, decimals=False):
    """Int by Int is cut toward zero; with decimals=True it is divided as decimals."""
    if decimals and type(left) is int:
        left = decimal.Decimal(left)
    return _arithmetic(left, right, _int_quotient, _CONTEXT.divide, drop)


def remainder(left, right, drop=False):
    return _arithmetic(left, right, _int_remainder, _CONTEXT.remainder, drop)


# --- Functions: their names are those of the language, so `abs` and `round` are not Python's own here ------------------


def abs(x):
    x = _number(x)
    if x is None:
        return UNDEFINED
    return -x if type(x) is int and x < 0 else x if type(x) is int else x.copy_abs()


def _rounded(x, rounding, drop):
    x = _number(x)
    if x is None:
        return UNDEFINED
    if type(x) is int:
        return x
    value = _to_int(x.to_integral_value(rounding))
    return value if value is not None else _no_result(drop)


def ceil(x, drop=False):
    return _rounded(x, decimal.ROUND_CEILING, drop)


def round(x, drop=False):
    """Halves go away from zero."""
    return _rounded(x, decimal.ROUND_HALF_UP, drop)


def sign(x):
    x = _number(x)
    return UNDEFINED if x is None else (x > 0) - (x < 0)


def trunc(x, places):
    """Cuts toward zero after `places` decimals, which count as 0 below 0 and as 34 above 34."""
    x, places = _number(x), _number(places)
    if x is None or places is None:
        return UNDEFINED
    if type(x) is int:
        return x
    places = 0 if places <= 0 else 34 if places >= 34 else math.floor(places)
    if x.as_tuple().exponent >= -places:
        return x
    return _bounded(x.quantize(decimal.Decimal((0, (1,), -places)), decimal.ROUND_DOWN, _CONTEXT))


def undefined(*arguments):
    """A function with a wrong number of arguments."""
    return UNDEFINED


def mod(a, b, drop=False):
    return remainder(a, b, drop)


def _double(function, drop, *arguments):
    """Through double precision: arguments are rounded to it, and the result is its shortest text."""
    numbers = [_number(argument) for argument in arguments]
    if None in numbers:
        return UNDEFINED
    try:
        value = function(*map(float, numbers))
    except ValueError:  # imaginary
        return UNDEFINED
    except (OverflowError, ZeroDivisionError):
        return _no_result(drop)
    if math.isnan(value):
        return UNDEFINED
    if math.isinf(value):
        return _no_result(drop)
    return _bounded(_CONTEXT.create_decimal(repr(value)))


def _of_positive(logarithm):
    def function(x):
        if x <= 0:
            raise ZeroDivisionError
        return logarithm(x)

    return function


def _power(a, b):
    if a == 0 and b < 0:
        raise ZeroDivisionError
    return math.pow(a, b)


_ln = _of_positive(math.log)
_log = _of_positive(math.log10)


def power(a, b, drop=False):
    return _double(_power, drop, a, b)


def sqrt(x, drop=False):
    return _double(math.sqrt, drop, x)


def exp(x, drop=False):
    return _double(math.exp, drop, x)


def ln(x, drop=False):
    return _double(_ln, drop, x)


def log(x, drop=False):
    """To base 10."""
    return _double(_log, drop, x)


def sin(x):
    return _double(math.sin, False, x)


def cos(x):
    return _double(math.cos, False, x)


def tan(x):
    return _double(math.tan, False, x)


def asin(x):
    return _double(math.asin, False, x)


def acos(x):
    return _double(math.acos, False, x)


def atan(x):
    return _double(math.atan, False, x)


def sinh(x, drop=False):
    return _double(math.sinh, drop, x)


def cosh(x, drop=False):
    return _double(math.cosh, drop, x)


def tanh(x):
    return _double(math.tanh, False, x)


def atan2(y, x):
    return _double(math.atan2, False, y, x)
