"""The protocols as gevent StreamServer handlers: a greenlet waits, a session answers."""
