import orjson

from runner.core.api.usage import usage_of
from runner.io.prices import Prices
from runner.operations.spending import Ledger, Paid, paid_for
from tests.harness.recorded import record

USED = {"model": "gpt-4o", "usage": {"prompt_tokens": 1000, "completion_tokens": 10}}


def test_a_ledger_reckons_each_answer_once() -> None:
    asked = orjson.dumps({"model": "gpt-4o"})
    held = record("completion.a", request=asked, response=orjson.dumps(USED))
    ledger = Ledger(Prices())
    paid = ledger.paid(held)
    assert paid == paid_for(held, Prices())
    assert paid.used == usage_of(held.response)
    assert (paid.cost or 0) > 0
    assert ledger.paid(held) is paid
    assert ledger.closing(held) is paid
    assert ledger.closing(held) == paid


def test_what_an_answer_does_not_say_is_not_known() -> None:
    assert paid_for(record("completion.a", response=b"{}"), Prices()) == Paid(None, None)
