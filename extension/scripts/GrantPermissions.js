/* Gives the groups of the connector the rights on what belongs to the platform, which an extension cannot bring. May be called
   again at any time; what was given stays. */
function entityOf(name) {
  return isSet(applicationKey) && name === String(applicationKey) ? ApplicationKeys[name] : Resources[name];
}

function instanceRight(grant, template) {
  ThingTemplates[template].AddInstanceDesignTimePermission({
    principal: grant.principal,
    principalType: "Group",
    type: grant.right,
    allow: true
  });
}

function show(grant, template) {
  var seen = { principal: grant.principal, principalType: "Organization" };
  if (template === "") {
    entityOf(grant.entity).AddVisibilityPermission(seen);
  } else {
    ThingTemplates[template].AddVisibilityPermission(seen);
    ThingTemplates[template].AddInstanceVisibilityPermission(seen);
  }
}

function give(grant, template) {
  switch (grant.kind) {
    case "seen":
      return show(grant, template);
    case "instance":
      return instanceRight(grant, template === "" ? grant.entity : template);
    case "collection":
      return Resources["CollectionFunctions"].AddCollectionDesignTimePermission({
        collectionName: grant.entity,
        principal: grant.principal,
        principalType: "Group",
        type: grant.right,
        allow: true
      });
    default:
      return entityOf(grant.entity).AddRunTimePermission({
        principal: grant.principal,
        principalType: grant.principalType,
        type: "ServiceInvoke",
        resource: grant.right,
        allow: true
      });
  }
}

/* A role is given by membership: what its group may do in a later version, the group of one's own may do, too. */
function giveRole() {
  var roleGroup = ROLE_GROUPS[String(role)];
  if (!roleGroup) {
    throw new Error("REQUEST_INVALID: role must be one of " + Object.keys(ROLE_GROUPS).join(", ") + ".");
  }
  if (!isSet(group) || !Groups[String(group)]) {
    throw new Error("REQUEST_INVALID: group must be the name of a group that exists.");
  }
  var row = {
    entity: roleGroup,
    right: "Member",
    principal: String(group),
    outcome: "granted",
    message: "The group has the role " + role + "."
  };
  try {
    Groups[roleGroup].AddMember({ member: String(group), type: "Group" });
  } catch (thrown) {
    row.outcome = "failed";
    row.message = errorText(thrown);
  }
  return row;
}

/* Before anything is granted: a refused call changes nothing. */
function checkNames() {
  if (isSet(template) && !ThingTemplates[String(template)]) {
    throw new Error(
      "REQUEST_INVALID: template: There is no Thing Template " + template + ", or it is not visible."
    );
  }
  if (isSet(applicationKey) && !ApplicationKeys[String(applicationKey)]) {
    throw new Error(
      "REQUEST_INVALID: applicationKey: There is no application key " +
        applicationKey +
        ", or it is not visible."
    );
  }
}

function run() {
  checkNames();
  var rows = isSet(role) || isSet(group) ? [giveRole()] : [];
  var giveAll = function (grants, template) {
    grants.forEach(function (grant) {
      var row = {
        entity: template === "" ? grant.entity : template,
        right: grant.right === "" ? "Visibility" : grant.right,
        principal: grant.principal,
        outcome: "granted",
        message: grant.why
      };
      try {
        give(grant, template);
      } catch (thrown) {
        row.outcome = "failed";
        row.message = errorText(thrown);
      }
      rows.push(row);
    });
  };
  giveAll(GRANTS, "");
  if (isSet(template)) {
    giveAll(TEMPLATE_GRANTS, String(template));
  }
  if (isSet(applicationKey)) {
    giveAll(
      KEY_GRANTS.map(function (grant) {
        return {
          kind: grant.kind,
          entity: String(applicationKey),
          right: grant.right,
          principal: grant.principal,
          principalType: grant.principalType,
          why: grant.why
        };
      }),
      ""
    );
  }
  return toTable(rows, { dataShape: "AzureIoT.Grant_DS", fields: GRANT_FIELDS });
}

var result = run();
