import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../e2e/observe.ts';
import { skip } from './chromium.ts';
import { BrowserFactory } from './factory.ts';

const GROUPS = {
  viewer: 'AzureIoT.Viewers_UG',
  operator: 'AzureIoT.Operators_UG',
  engineer: 'AzureIoT.Engineers_UG',
  administrator: 'AzureIoT.Administrators_UG',
} as const;
type Role = keyof typeof GROUPS;
/** How the note begins: some mashups have a service for administrators, too. */
const NOTES: Readonly<Record<Role, string>> = {
  viewer: 'What is disabled here needs the role operator or engineer',
  operator: 'What is disabled here needs the role engineer',
  engineer: '',
  administrator: '',
};

/** A button of each mashup, by the tab on which it stands, and who may use it. */
const BUTTONS: readonly [mashup: string, tab: string, button: string, least: Role][] = [
  ['Hub', 'Overview', 'Home', 'viewer'],
  ['Hub', 'Dead letters', 'Show', 'viewer'],
  ['Hub', 'Dead letters', 'Replay selected', 'engineer'],
  ['Hub', 'Dead letters', 'Delete selected', 'engineer'],
  ['Hub', 'Tasks', 'Cancel selected', 'engineer'],
  ['Hub', 'Connection', 'Check connection', 'operator'],
  ['Hub', 'Connection', 'Disconnect', 'engineer'],
  ['Devices', 'Devices', 'Find', 'viewer'],
  ['Devices', 'Devices', 'Disable', 'engineer'],
  ['Devices', 'Devices', 'Delete', 'engineer'],
  ['Devices', 'Create', 'Create', 'engineer'],
  ['Devices', 'Import', 'Import', 'engineer'],
  ['Device', 'Twin', 'Read twin', 'viewer'],
  ['Device', 'Twin', 'Update twin', 'operator'],
  ['Device', 'Commands', 'Invoke', 'operator'],
  ['Device', 'Commands', 'Send', 'operator'],
  ['Device', 'Software and files', 'Install selected file', 'engineer'],
  ['Device', 'Software and files', 'Cancel deployment', 'engineer'],
  ['OpcUa', 'Published nodes', 'Refresh', 'viewer'],
  ['OpcUa', 'Published nodes', 'Unpublish selected nodes', 'engineer'],
  ['OpcUa', 'Browse', 'Browse below', 'operator'],
  ['OpcUa', 'Browse', 'Write', 'operator'],
  ['OpcUa', 'Browse', 'Publish selected', 'engineer'],
  ['OpcUa', 'Bind', 'Find nodes', 'operator'],
  ['OpcUa', 'Bind', 'Bind selected', 'engineer'],
  ['OpcUa', 'Bindings', 'Refresh', 'operator'],
  ['OpcUa', 'Bindings', 'Unbind selected', 'engineer'],
  ['Storage', 'Files', 'Show', 'viewer'],
  ['Storage', 'Files', 'Delete selected file', 'engineer'],
  ['Storage', 'Add', 'Save text', 'engineer'],
  ['Storage', 'Add', 'Get upload link', 'engineer'],
];
const ROLES = Object.keys(GROUPS) as Role[];
const includes = (role: Role, least: Role) => ROLES.indexOf(role) >= ROLES.indexOf(least);

/** What people of each role are offered in the mashups, and what they do with it. */
describe('a person in the mashups', { skip }, () => {
  const factory = new BrowserFactory();
  const { system } = factory;

  before(async () => {
    await factory.start();
    for (const role of ROLES) await factory.addUser(role, GROUPS[role]);
    await factory
      .container('factory-files')
      .getBlockBlobClient('notes.txt')
      .upload('What the shift noted.', 21);
  });
  after(() => factory.stop());

  for (const role of ROLES) {
    test(`with the role ${role} is offered what it may do`, async () => {
      const mashups = await factory.openMashups(role);
      let opened = '';
      for (const [mashup, tab, name, least] of BUTTONS) {
        if (mashup !== opened) {
          const asked = mashups.page.waitForResponse(/GetRefusals$/);
          await mashups.open(mashup);
          await asked;
          await mashups.shown('rights', NOTES[role]);
          opened = mashup;
        }
        await mashups.tab(tab);
        const button = mashups.button(name);
        const isOffered = includes(role, least);
        await eventually(async () => assert.equal(await button.isEnabled(), isOffered, `${mashup}: ${name}`));
        if (!isOffered) assert.equal(await button.getAttribute('title'), `Needs the role ${least}.`);
      }
      assert.equal(await mashups.page.getByRole('log').getByRole('button').count(), 0, 'nothing was refused');
      await mashups.shoot(`role-${role}`);
      await mashups.page.context().close();
    });
  }

  test('looks at texts and published nodes as a viewer', async () => {
    const mashups = await factory.openMashups('viewer');
    await mashups.open('Storage');
    await mashups.row('files', 'notes.txt').click();
    const preview = mashups.field('Preview');
    await eventually(async () => assert.equal(await preview.inputValue(), 'What the shift noted.'));
    assert.equal(await mashups.page.getByRole('link', { name: /Download/ }).count(), 0);
    await mashups.open('OpcUa');
    await mashups.row('Servers', 'opc.tcp://line-1:4840').click();
    await mashups.row('Published nodes of the selected server', 'Filler.Speed').waitFor();
    assert.equal(await mashups.page.getByRole('log').getByRole('button').count(), 0, 'nothing was refused');
    await mashups.page.context().close();
  });

  test('commands a device as an operator, and creates one as an engineer', async () => {
    const operator = await factory.openMashups('operator');
    await operator.openDevice('pump-01');
    await operator.tab('Commands');
    await operator.field('Method').first().fill('setSpeed');
    await operator.field('Payload as JSON').fill('{ "speed": 900 }');
    await operator.choose('Invoke');
    await operator.message('The device has answered.');
    await eventually(async () => assert.equal((await factory.valuesOf('pump-01'))['speed'], 900));
    await operator.page.context().close();

    const engineer = await factory.openMashups('engineer');
    await engineer.menu('Devices');
    await engineer.tab('Create');
    await engineer.field('Device id').fill('mixer-09');
    await engineer.choose('Create');
    await engineer.message('The device is created.');
    assert.equal((await factory.valuesOf('mixer-09'))['deviceId'], 'mixer-09');
    await engineer.page.context().close();
  });

  test('reads what a refused right is and who can help, where only one Thing refuses', async () => {
    await system.platform.invoke('oven-02', 'AddRunTimePermission', {
      principal: GROUPS.operator,
      principalType: 'Group',
      type: 'ServiceInvoke',
      resource: 'InvokeMethod',
      allow: false,
    });
    const mashups = await factory.openMashups('operator');
    await mashups.openDevice('oven-02');
    await mashups.tab('Commands');
    await mashups.field('Method').first().fill('reset');
    await mashups.choose('Invoke');
    await mashups.message(
      /THINGWORX_FORBIDDEN: .*InvokeMethod.*What to do: .*ask an administrator for a role/,
    );
    assert.equal(await mashups.field('Method').first().inputValue(), 'reset');
    await mashups.page.context().close();
  });

  test('causes no fault in the viewer', () => {
    assert.deepEqual(factory.faults, []);
  });
});
