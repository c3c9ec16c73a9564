"""Tools that know no business noun."""
