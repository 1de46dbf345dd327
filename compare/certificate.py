"""A certificate for 127.0.0.1, made for one run."""

from __future__ import annotations

from pathlib import Path

import trustme


def make(folder: Path) -> dict[str, str]:
    """Files `cert` (with its chain), `key` and `ca` in `folder`."""
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1")
    files = {name: str(folder / f"{name}.pem") for name in ("cert", "key", "ca")}
    authority.cert_pem.write_to_path(files["ca"])
    server.private_key_pem.write_to_path(files["key"])
    for blob in server.cert_chain_pems:
        blob.write_to_path(files["cert"], append=True)
    return files
