"""Selection policies, one a file: each puts the deployments of one priority group into the order to try them."""
