"""Municipal open data: CSV files as cities publish them, turned into NGSI-LD entities.

`decoding` finds encoding and delimiter, `table` the header and the rows, `layout` knows which
columns mean what, `mapping` turns rows into attributes, `assembling` and `identity` make entities
of them, `report` tells what was done, `command` is `mutsura import`.
"""
