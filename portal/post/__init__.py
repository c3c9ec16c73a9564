"""The mail's way in: answers to our letters come by SMTP, and are kept before they are thought about."""
