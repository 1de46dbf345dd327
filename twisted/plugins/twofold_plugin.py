"""Tells `twistd` of twofold's services.  Imported whenever anybody asks for plugins: keep it light."""

from twisted.application.service import ServiceMaker

from protocols.services import SERVICES

echo = ServiceMaker("twofold echo", "twisted_impl.echo", SERVICES["echo"].description, "echo")
chat = ServiceMaker("twofold chat", "twisted_impl.chat", SERVICES["chat"].description, "chat")
files = ServiceMaker("twofold files", "twisted_impl.files", SERVICES["files"].description, "files")
rpc = ServiceMaker("twofold rpc", "twisted_impl.rpc", SERVICES["rpc"].description, "rpc")
