import pytest

from admin.page import Refused
from admin.seen import check_seen, seen_of


def test_the_same_state_is_known_however_it_is_ordered():
    """Names in another order, a tuple or a list: the same; any value that differs does not."""
    seen = seen_of({"a": 1, "b": [1, 2.5, None, "模型"]})

    assert seen == seen_of({"b": (1, 2.5, None, "模型"), "a": 1})
    assert 16 == len(seen)
    assert seen != seen_of({"a": 1, "b": [1, 2.5, None, "model"]})


@pytest.mark.parametrize("form", [{}, {"seen": ""}, {"seen": "x"}, {"seen": "密" * 16}])
def test_a_form_of_another_state_is_refused(form):
    """Also one that says nothing, or what no form of ours says."""
    with pytest.raises(Refused) as refused:
        check_seen(form, {"a": 1})

    assert (409, "failing.changed_meanwhile") == (refused.value.status, refused.value.key)


def test_a_form_of_this_state_is_taken():
    """Nothing happens."""
    check_seen({"seen": seen_of(None)}, None)
