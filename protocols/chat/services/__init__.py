"""Services: NickServ and those like it, which are spoken to by messages and answer by notices."""
