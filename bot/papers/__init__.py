"""Files that people take with them: letters to print or to paste, appointments for their calendars.

A file is made when it is sent, from values alone: no clock, no randomness, nothing stored.
"""
