"""Release: what each originator's agreement lets each partner see, and why. Pure: no files, no database, no clock.

The way through it: `partner` and `agreement` read the two kinds of TOML document, `admission` lets an agreement in
when its own examples hold, `decision` decides one case, `table` tabulates the cases for one partner so that the
store can join with them, `record_decision` decides one record (the oracle of the table), `explanation` says why.
"""
