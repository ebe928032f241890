"""The catalogues of translated texts, `<language>/LC_MESSAGES/messages.po` and `.mo`."""
