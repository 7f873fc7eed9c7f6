"""What every test shares. Its being here puts the checkout on the import path: `tests.filled` works however pytest is started."""
