"""Generates the Python code of the protos; with --check, says whether it is up to date."""

from __future__ import annotations

import argparse
import filecmp
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"


def generate(target: Path) -> list[Path]:
    """Writes the code of every proto below ROOT into target; returns the files, relative to it.

    Raises:
        SystemExit: the compiler refused a proto; it has said why on stderr.
    """
    sources = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.proto"))
    status = protoc.main(
        [
            "protoc",
            f"-I{ROOT}",
            f"-I{WELL_KNOWN}",
            f"--python_out={target}",
            f"--pyi_out={target}",
            f"--grpc_python_out={target}",
            *sources,
        ]
    )
    if status:
        raise SystemExit(status)
    return sorted(p.relative_to(target) for p in target.rglob("*_pb2*.py*") if p.is_file())


def main() -> int:
    """Generates, or checks; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail on a difference")
    if not parser.parse_args().check:
        generate(ROOT)
        return 0
    with tempfile.TemporaryDirectory() as directory:
        fresh = Path(directory)
        names = generate(fresh)
        committed = {
            p.relative_to(ROOT) for p in ROOT.rglob("*_pb2*.py*") if "__pycache__" not in p.parts
        }
        stale = [
            name
            for name in sorted(committed | set(names))
            if not (ROOT / name).is_file()
            or not (fresh / name).is_file()
            or not filecmp.cmp(ROOT / name, fresh / name, shallow=False)
        ]
    for name in stale:
        sys.stderr.write(f"protos/{name} is not what the protos generate; run: make protos\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
