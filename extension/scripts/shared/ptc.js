/* The settings of a Thing of PTC's connector, by key: value and baseType. The names of its configuration tables are not public, so every
   table is looked at; a property of the same name counts where no table has the key. */
function ptcSettings(thing) {
  var settings = {};
  thing
    .GetConfigurationTables()
    .rows.toArray()
    .forEach(function (row) {
      var table = thing.GetConfigurationTable({ tableName: String(row.name) });
      var cells = table.rows.length > 0 ? table.rows[0] : {};
      Object.keys(table.dataShape.fields).forEach(function (key) {
        settings[key] = { value: cells[key], baseType: String(table.dataShape.fields[key].baseType) };
      });
    });
  return settings;
}

/* The text of a setting that is no secret; empty when there is none. */
function ptcText(settings, key) {
  return settings[key] && isSet(settings[key].value) ? String(settings[key].value) : "";
}

/* The names of the Things of a template of PTC's, in order. */
function ptcThingNames(template) {
  if (!ThingTemplates[template]) {
    return [];
  }
  return ThingTemplates[template]
    .GetImplementingThings()
    .rows.toArray()
    .map(function (row) {
      return String(row.name);
    })
    .sort();
}

/* The PTC hub that a device Thing belongs to; empty when it names none. */
function ptcHubOf(thing) {
  try {
    return isSet(thing[PTC.hubProperty]) ? String(thing[PTC.hubProperty]) : "";
  } catch (ignored) {
    return "";
  }
}

/* The definition of an entity as JSON: thingShape has its own part of it, with scripts. */
function entityDefinition(collection, name) {
  return plain(Resources["EntityServices"].ReadEntityDefinitionAsJSON({ type: collection, name: name }));
}

function definedNames(object) {
  return Object.keys(object || {});
}

/* Whether properties or services of a shape are bound to a remote Thing. */
function hasRemoteBindings(definition) {
  return (
    definedNames(definition.remotePropertyBindings).length +
      definedNames(definition.remoteServiceBindings).length +
      definedNames(definition.remoteEventBindings).length >
    0
  );
}
