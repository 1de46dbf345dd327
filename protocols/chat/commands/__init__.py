"""What each command does, grouped by what it is about; `table` is the list of them."""
