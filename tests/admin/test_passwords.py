import asyncio

import argon2
import pytest

from admin.passwords import MAX_PASSWORD_CHARS, MEMORY_KIB, NOBODY, Passwords, argon2id, new_password


async def test_a_password_fits_its_hash_alone():
    """argon2id, with the cost that we chose and a salt of its own; odd hashes fit nothing."""
    passwords = Passwords()
    stored, again = await passwords.hashed("密码 of mine"), await passwords.hashed("密码 of mine")
    cost = argon2.extract_parameters(stored)

    assert stored != again
    assert (argon2.Type.ID, MEMORY_KIB, 1, 1) == (cost.type, cost.memory_cost, cost.time_cost, cost.parallelism)
    assert [True, False, False, False] == [
        await passwords.fits(stored, "密码 of mine"),
        await passwords.fits(stored, "other"),
        await passwords.fits("no hash", "密码 of mine"),
        await passwords.fits(None, "密码 of mine"),
    ]


def test_the_hash_of_nobody_costs_what_others_cost():
    """An unknown name must take as long as a known one, also after the cost was changed."""
    real, nobody = (argon2.extract_parameters(each) for each in (argon2id().hash("x"), NOBODY))

    assert real == nobody
    assert not argon2id().fits(NOBODY, "")


async def test_a_password_is_not_cut_to_fit():
    """What is longer than we hash is wrong, even where its beginning is right."""
    passwords = Passwords()
    longest = "x" * MAX_PASSWORD_CHARS
    stored = await passwords.hashed(longest)

    assert await passwords.fits(stored, longest)
    assert not await passwords.fits(stored, longest + "y")


async def test_passwords_are_hashed_one_at_a_time():
    """Twenty logins at once must not take twenty times the memory."""
    running, most = 0, 0

    class Counting:
        def hash(self, password):
            nonlocal running, most
            running += 1
            most = max(most, running)
            running -= 1
            return password

        def fits(self, stored, password):
            return self.hash(stored) == self.hash(password)

    passwords = Passwords(Counting())
    found = await asyncio.gather(
        *(passwords.fits("a", "a") for _ in range(20)), *(passwords.hashed("a") for _ in range(5))
    )

    assert [True] * 20 + ["a"] * 5 == found
    assert 1 == most


@pytest.mark.parametrize("_n", range(3))
def test_a_new_password_can_be_typed(_n):
    """Five groups of four without what looks alike."""
    made = new_password()

    assert [4] * 5 == [len(each) for each in made.split("-")]
    assert set(made) <= set("23456789abcdefghjkmnpqrstuvwxyz-")
    assert made != new_password()
