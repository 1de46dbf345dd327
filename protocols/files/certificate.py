"""TLS of the control connection: the certificate with which AUTH begins, and what the settings ask of it."""

from __future__ import annotations

from ssl import SSLContext, TLSVersion

from protocols.files.settings import FilesSettings
from protocols.settings import SettingsError
from protocols.tls import TLSError, remembers, server_context


def control_context(settings: FilesSettings) -> SSLContext | None:
    """What the files hold now; None where no certificate is set.  Raises SettingsError."""
    tls = settings.tls
    if not tls.certificate:
        return None
    try:
        context = server_context(tls.certificate, tls.key or tls.certificate)
    except TLSError as error:
        raise SettingsError(f"files.tls: {error}") from None
    fit(context, settings)
    return context


def fit(context: SSLContext, settings: FilesSettings) -> None:
    """What the settings ask of every control connection's TLS, that of a `tls://` listener as well."""
    if settings.tls.minimum == "1.3":
        context.minimum_version = TLSVersion.TLSv1_3
    if settings.tls.resume_data == "require":
        remembers(context)
