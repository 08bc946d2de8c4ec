"""The sharing API: partners push records and pull what each source's rules allow them."""
