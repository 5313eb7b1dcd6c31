from pathlib import Path

from runner.io.folders import Folders


def test_a_file_is_held_once_however_it_is_spelled(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "t.json").write_text("[1, 2]")
    folders = Folders(tmp_path, Path("configs"))
    first = folders.read("configs", "t.json")
    assert folders.read("configs", "./././t.json") is first
    assert folders.read(".", "configs/../configs/t.json") is first


def test_what_was_looked_at_and_is_otherwise_now_is_a_change(tmp_path: Path) -> None:
    (tmp_path / "configs" / "deep").mkdir(parents=True)
    (tmp_path / "configs" / "a.md").write_text("a")

    def looked() -> Folders:
        folders = Folders(tmp_path, Path("configs"))
        folders.read_folder("configs")
        folders.read("configs", "a.md")
        folders.matching("configs", "**/*.md")
        return folders

    for change in ("a.md", "deep/new.md", "new.toml"):
        folders = looked()
        assert not folders.changed()
        (tmp_path / "configs" / change).write_text(f"{change} is there")
        assert folders.changed()
    assert not looked().changed()
