import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.login_limit import MAX_KEPT, PER_ADDRESS, PER_NAME, WINDOW_S, LoginLimit
from admin.page import Refused


class Clock:
    """Seconds, moved by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limit(clock):
    return LoginLimit(clock)


def waits(limit, name, address):
    """Seconds to wait, 0 where the attempt was let in."""
    try:
        limit.begin(name, address)
    except Refused as refused:
        return refused.values["seconds"] if (refused.status, refused.key) == (429, "login.too_many") else None
    return 0


def test_one_address_tries_many_names(limit):
    """It is stopped after ten, whatever it says it is."""
    assert [0] * PER_ADDRESS + [WINDOW_S] == [waits(limit, f"n{n}", "10.0.0.1") for n in range(PER_ADDRESS + 1)]


def test_many_addresses_try_one_name(limit):
    """The name is stopped later than an address, so that one stranger cannot lock its owner out."""
    found = [waits(limit, "admin", f"10.0.{n}.1") for n in range(PER_NAME + 1)]

    assert [0] * PER_NAME + [WINDOW_S] == found
    assert PER_NAME > PER_ADDRESS


def test_attempts_are_forgotten_after_the_window(limit, clock):
    """One by one, as they grow old; a refused attempt does not count."""
    for n in range(PER_ADDRESS):
        clock.now = float(n)
        limit.begin("admin", "::1")
    clock.now = 100.0
    refused = [waits(limit, "admin", "::1") for _ in range(3)]
    clock.now = WINDOW_S

    assert [WINDOW_S - 100] * 3 == refused
    assert [0, 1] == [waits(limit, "admin", "::1") for _ in range(2)]


def test_what_is_forgiven_does_not_count(limit):
    """A right password leaves no trace, however often."""
    for _ in range(5 * PER_ADDRESS):
        limit.begin("admin", "10.0.0.1")
        limit.forgive("admin", "10.0.0.1")
    limit.forgive("nobody", "10.0.0.2")


@pytest.mark.parametrize(
    ("one", "two", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("testclient", "testclient", True),
    ],
)
def test_addresses_of_one_network_count_together(limit, one, two, is_same):
    """A rented machine has a whole /64 to try from."""
    for n in range(PER_ADDRESS):
        limit.begin(f"n{n}", one)

    assert is_same is (waits(limit, "other", two) > 0)


def test_what_is_kept_is_bounded(limit):
    """A flood of made-up names does not fill the memory."""
    for n in range(MAX_KEPT):
        limit.begin(f"n{n}", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")

    assert MAX_KEPT == len(limit._tried)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["1.1.1.1", "2.2.2.2", "x"]), st.floats(0, 200))))
def test_no_window_ever_holds_more_than_allowed(tries):
    """Whatever comes in whatever order: in any five minutes so many attempts at most were let in."""
    clock = Clock()
    limit = LoginLimit(clock)
    let_in: list[tuple[float, str, str]] = []
    for name, address, pause in tries:
        clock.now += pause
        if waits(limit, name, address) == 0:
            let_in.append((clock.now, name, address))
    for at, name, address in let_in:
        recent = [each for each in let_in if at - WINDOW_S < each[0] <= at]

        assert PER_NAME >= sum(each[1] == name for each in recent)
        assert PER_ADDRESS >= sum(each[2] == address for each in recent)
