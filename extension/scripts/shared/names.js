/* Why ThingWorx does not allow a name; an empty text when it does. parameter: the input that gives the names. */
function nameProblem(name, parameter) {
  return name === "" || /[\s&:/+?#%"'<>\\]/.test(name)
    ? "ThingWorx does not allow the name " +
        name +
        ": a name is not empty and has no spaces and none of & : / + ? # % \" ' < > \\. Choose another " +
        parameter +
        "."
    : "";
}
