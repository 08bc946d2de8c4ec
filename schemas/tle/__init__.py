"""Two-line element sets: TLE, 2LE and 3LE, read strictly by columns, and written."""
