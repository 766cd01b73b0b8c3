"""One module for each family of pages; each ends with its rows of the table of views."""
