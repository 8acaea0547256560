from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = [
    "torch", "transformers", "peft", "sklearn", "onnxruntime", "faiss", "openai", "langchain_core", "tiktoken",
    "argon2", "jinja2", "admin.site", "proxy.desk.wiring",
]  # fmt: skip
PROGRAM = """
import json, sys
import {module}
print(json.dumps([name for name in {heavy!r} if name in sys.modules]))
"""


@pytest.mark.parametrize("module", ["proxy.app", "proxy.cli"])
def test_start_loads_no_heavy_library(module):
    """The gateway starts in seconds and without the extras: what is heavy is imported by who needs it, when needed."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module=module, heavy=HEAVY)], capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stderr
    assert [] == json.loads(done.stdout)
