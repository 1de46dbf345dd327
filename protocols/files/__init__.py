"""FTP: RFC 959, 1123, 2389, 2428, 3659, 4217, without socket, clock and disk."""
