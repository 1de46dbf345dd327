"""Tells `twistd` of the probe, where tests/probe is on the path."""

from twisted.application.service import ServiceMaker

probe = ServiceMaker("twofold probe", "probe_twisted", "every order there is, over the wire", "probe")
