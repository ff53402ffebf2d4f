"""The few rows that are kept, behind one Protocol."""
