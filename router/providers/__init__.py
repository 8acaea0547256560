"""One upstream dialect per file; look-alikes are rows of `config/defaults/providers.toml`."""
