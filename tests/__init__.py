"""The tests are a package, so that they can share helpers and a name may occur twice."""
