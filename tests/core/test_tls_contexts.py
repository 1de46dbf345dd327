"""TLS contexts: made from files, and what each refuses."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from protocols.tls import TLS, TLSError, client_context, server_context
from tests.core.test_tls import AUTHORITY, CERTIFICATE, client_of, join


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    other = AUTHORITY.issue_cert("localhost")
    key = load_pem_private_key(CERTIFICATE.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"secret")
    )
    contents = {
        "cert": b"".join(blob.bytes() for blob in CERTIFICATE.cert_chain_pems),
        "key": CERTIFICATE.private_key_pem.bytes(),
        "other": other.private_key_pem.bytes(),
        "locked": locked,
        "words": b"not PEM at all\n",
        "ca": AUTHORITY.cert_pem.bytes(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = {name: str(tmp_path / name) for name in contents}
    return paths | {"missing": str(tmp_path / "missing"), "folder": str(tmp_path)}


def test_contexts_made_from_files_speak_to_each_other(files: dict[str, str]) -> None:
    join(client_of(client_context(files["ca"])), TLS(server_context(files["cert"], files["key"])))


def test_tls_1_1_is_not_spoken(files: dict[str, str]) -> None:
    """RFC 8996: "TLS 1.1 MUST NOT be used"."""
    for context in (
        server_context(files["cert"], files["key"]),
        client_context(files["ca"]),
        client_context(),
    ):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_client_verifies_by_default() -> None:
    context = client_context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_client_given_an_authority_trusts_no_other(files: dict[str, str]) -> None:
    assert len(client_context(files["ca"]).get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("cert", "key", "text"),
    [
        ("missing", "key", "{missing}: No such file or directory"),
        ("cert", "missing", "{missing}: No such file or directory"),
        ("folder", "key", "{folder}: Is a directory"),
        ("words", "key", "{words}: expected a certificate, in PEM"),
        ("key", "key", "{key}: expected a certificate, in PEM"),
        ("cert", "words", "{words}: expected a private key, in PEM"),
        ("cert", "cert", "{cert}: expected a private key, in PEM"),
        ("cert", "other", "{other}: not the key of the certificate in {cert}"),
        ("cert", "locked", "{locked}: the key must not be encrypted"),
    ],
)
def test_an_unusable_certificate_is_one_line_naming_the_file(
    files: dict[str, str], cert: str, key: str, text: str
) -> None:
    with pytest.raises(TLSError) as caught:
        server_context(files[cert], files[key])
    assert str(caught.value) == text.format(**files)


@pytest.mark.parametrize(
    ("ca", "text"),
    [
        ("missing", "{missing}: No such file or directory"),
        ("words", "{words}: expected a certificate, in PEM"),
    ],
)
def test_an_unusable_authority_is_one_line_naming_the_file(files: dict[str, str], ca: str, text: str) -> None:
    with pytest.raises(TLSError) as caught:
        client_context(files[ca])
    assert str(caught.value) == text.format(**files)


def test_a_path_that_cannot_be_is_a_tls_error() -> None:
    with pytest.raises(TLSError):
        server_context("nul\0", "nul\0")
