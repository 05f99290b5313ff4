/* Whether the user may call a service of an entity, without calling it: what is refused leaves an error in the log of ThingWorx. */
function mayCall(entity, service) {
  return String(entity.CheckPermission({ name: service, type: "ServiceInvoke" })) === "true";
}
