"""The judge: a model that is asked which model should answer, where the policy is unsure. See `docs/judge.md`."""
