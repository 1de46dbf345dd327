"""IRC: RFC 1459, 2812, the Modern IRC document and IRCv3, one server without links, without I/O."""
