"""The protocols as Twisted Protocols and Factories, run by twistd."""
