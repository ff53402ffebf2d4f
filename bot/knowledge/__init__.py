"""What the bot knows: faq/ and locales/ read into frozen objects, and the checks that guard them."""
