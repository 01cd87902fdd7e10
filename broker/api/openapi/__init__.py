"""The OpenAPI 3.1 document, from the table of routes and three tables of words and shapes."""
