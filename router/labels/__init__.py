"""Prompts that several models answer and somebody grades: the answers, the grades, and the rows made of both."""
