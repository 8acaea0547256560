import pytest

from config.errors import SettingsError
from config.loader import load_settings


def test_paths_are_relative_to_the_file(tmp_path):
    """A settings folder can be moved as a whole."""
    (tmp_path / "table.json").write_text("{}")
    (tmp_path / "fitted").mkdir()
    file = tmp_path / "thalamus.toml"
    file.write_text('[learning]\nmode = "shadow"\nstarting_values = "table.json"\npolicy_dir = "fitted"\n')
    learning = load_settings(file, {}).learning

    assert ("shadow", tmp_path / "table.json", tmp_path / "fitted") == (
        learning.mode,
        learning.starting_values,
        learning.policy_dir,
    )


@pytest.mark.parametrize(("name", "kind"), [("starting_values", "file"), ("policy_dir", "folder")])
def test_what_is_not_there_is_named(tmp_path, name, kind):
    """A typo in a path is found at the start, with its line."""
    file = tmp_path / "thalamus.toml"
    file.write_text(f'[learning]\n{name} = "nowhere"\n')
    with pytest.raises(SettingsError, match=f"{name}' must be a {kind}"):
        load_settings(file, {})
