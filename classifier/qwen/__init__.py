"""What the Qwen3 intent head is made of: files, tokens, model, training forms, backends.

`classifier/finetune.py` trains it, `classifier/intent.py` serves it, `classifier/compare.py` measures it.
"""
