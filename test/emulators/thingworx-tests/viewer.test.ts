import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { launchBrowser, skip } from '../../browser/chromium.ts';
import { startThingworx, type ThingworxEmulator } from '../thingworx/emulator.ts';
import { Client, entities, field, shapeBlocks, thing } from './platform-support.ts';
import { columnOf, type TestMashup, testContent, widget } from './viewer-mashup.ts';

const LOAVES = `var loaves = Resources["InfoTableFunctions"].CreateInfoTableFromDataShape({
  infoTableName: "loaves", dataShapeName: "Loaf" });
[["rye", 1000, true], ["wheat", 750.5, false]].forEach(function (one) {
  if (!filter || one[0].indexOf(filter) === 0) {
    loaves.AddRow({ name: one[0], weight: one[1], ready: one[2], baked: new Date(0) });
  }
});
var result = loaves;`;

const PICTURE = 'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7';

/** A Thing with services, a Data Shape, and a user without rights. */
const BAKERY =
  `<DataShapes><DataShape name="Loaf" description="" projectName=""><FieldDefinitions>${field('name', 'STRING')}${field('weight', 'NUMBER')}${field('ready', 'BOOLEAN')}${field('baked', 'DATETIME')}</FieldDefinitions></DataShape></DataShapes>` +
  thing(
    'Bakery',
    'GenericThing',
    shapeBlocks({
      properties: '',
      services: [
        { name: 'ListLoaves', result: 'INFOTABLE', code: LOAVES, parameters: field('filter', 'STRING') },
        {
          name: 'Bake',
          result: 'STRING',
          code: 'var result = "baked " + name + (fast ? " fast" : "");',
          parameters: field('name', 'STRING') + field('fast', 'BOOLEAN'),
        },
        {
          name: 'Count',
          result: 'INTEGER',
          code: 'var result = loaves.getRowCount();',
          parameters: field('loaves', 'INFOTABLE'),
        },
        { name: 'Burn', result: 'STRING', code: 'throw new Error("The oven is too hot.");' },
        { name: 'Draw', result: 'STRING', code: `var result = "${PICTURE}";` },
      ],
    }),
  );

/** The page at /Thingworx/Runtime of the emulator, with mashups that no product has. */
describe('the mashup viewer', { skip }, () => {
  let emulator: ThingworxEmulator;
  let client: Client;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];

  before(async () => {
    emulator = await startThingworx({ port: 0 });
    client = new Client(emulator);
    assert.equal((await client.importXml(entities(BAKERY))).status, 200);
    browser = await launchBrowser();
    page = await newPage();
    await page.goto(`${emulator.url}/Thingworx/Runtime/`);
    await login(page, emulator.administrator.name, emulator.administrator.password);
    await page.getByRole('heading', { name: 'Mashups' }).waitFor();
  });
  after(async () => {
    await browser?.close();
    await emulator?.stop();
  });

  const newPage = async (): Promise<Page> => {
    const opened = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    opened.setDefaultTimeout(30_000);
    opened.on('pageerror', (error) => faults.push(error.message));
    return opened;
  };
  const login = async (on: Page, user: string, password: string): Promise<void> => {
    await on.getByLabel('User').fill(user);
    await on.getByLabel('Password').fill(password);
    await on.getByRole('button', { name: 'Log in' }).click();
  };
  const show = async (
    name: string,
    mashup: TestMashup,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<void> => {
    const content = JSON.stringify(testContent(mashup));
    const xml = `<Mashups><Mashup name="${name}" description="of a test" projectName=""><mashupContent><![CDATA[${content}]]></mashupContent></Mashup></Mashups>`;
    assert.equal((await client.importXml(entities(xml))).status, 200);
    await page.goto('about:blank');
    const hash = new URLSearchParams({ mashup: name, ...parameters });
    await page.goto(`${emulator.url}/Thingworx/Runtime/index.html#${hash}`);
    await page.getByText('All mashups').waitFor();
  };
  const part = (name: string): Locator => page.locator(`[data-widget="${name}"]`);
  const says = (name: string, text: string | RegExp): Promise<void> =>
    part(name).filter({ hasText: text }).waitFor();
  const button = (name: string): Locator => page.getByRole('button', { name, exact: true });
  const notice = (text: string | RegExp): Promise<void> =>
    page.getByRole('log').getByText(text).first().waitFor();

  test('lets nobody in with a wrong password, and lists the mashups of who is logged in', async () => {
    const stranger = await newPage();
    await stranger.goto(`${emulator.url}/Thingworx/Runtime/`);
    await login(stranger, emulator.administrator.name, 'wrong');
    await stranger.getByRole('alert').getByText('Login failed').waitFor();
    await stranger.context().close();

    await show('Listed', { widgets: [widget('ptcslabel', 'hello', { LabelText: 'Hello' })] });
    await says('hello', 'Hello');
    await page.getByRole('link', { name: 'All mashups' }).click();
    await page.getByRole('listitem').filter({ hasText: 'of a test' }).getByRole('link').first().click();
    await says('hello', 'Hello');
    await page.goto(`${emulator.url}/Thingworx/Runtime/index.html#mashup=Nothing`);
    await page.getByText(/The mashup Nothing cannot be shown: 404/).waitFor();
  });

  test('shows what is bound to each widget', async () => {
    await show('Bound', {
      calls: { ListLoaves: {}, Draw: {}, Bake: { name: 'rye' } },
      widgets: [
        widget('ptcslabel', 'first', { LabelType: 'body' }),
        widget('ptcslabel', 'scalar', { LabelType: 'body' }),
        widget('ptcsgrid', 'grid', {
          IDFieldName: 'name',
          RowSelection: 'none',
          Label: 'Loaves',
          ColumnFormat: {
            formatInfo: [
              columnOf('name'),
              columnOf('weight', 'NUMBER'),
              columnOf('ready', 'DEFAULT'),
              columnOf('baked', 'DATETIME'),
            ],
          },
        }),
        widget('ptcschartline', 'chart', {
          Label: 'Weights',
          XAxisField: 'name',
          NumberOfSeries: 1,
          DataField1: 'weight',
        }),
        widget('ptcsdropdown', 'choice', {
          Label: 'Loaf',
          DisplayField: 'name',
          ValueField: 'name',
          AutoSelectFirstRow: true,
        }),
        widget('ptcscheckbox', 'ready', { Label: 'Ready', State: false }),
        widget('ptcstextarea', 'area', { Label: 'Area', ReadOnly: true }),
        widget('ptcslink', 'link', { Text: 'Load', TargetWindow: '_blank' }),
        widget('ptcsimage', 'image', { AlternateText: 'A picture' }),
        widget('ptcstabset', 'tabs', { Tab1Name: 'One', Tab2Name: 'Two', DefaultTabNumber: 2 }, [
          widget('flexcontainer', 'one', {}, [widget('ptcslabel', 'inOne', { LabelText: 'In one' })]),
          widget('flexcontainer', 'two', {}, [widget('ptcslabel', 'inTwo', { LabelText: 'In two' })]),
        ]),
        widget('gauge', 'unknown'),
      ],
      bindings: [
        ['ListLoaves.name', 'first#LabelText'],
        ['Bake.result', 'scalar#LabelText'],
        ['ListLoaves', 'grid#Data'],
        ['ListLoaves', 'chart#Data'],
        ['ListLoaves', 'choice#Data'],
        ['ListLoaves.ready', 'ready#State'],
        ['choice#SelectedText', 'area#Text'],
        ['Draw.result', 'link#LinkURL'],
        ['Draw.result', 'image#SourceURL'],
      ],
      events: [
        ['loaded', 'ListLoaves'],
        ['loaded', 'Draw'],
        ['loaded', 'Bake'],
      ],
    });
    await says('first', 'rye');
    await says('scalar', 'baked rye');
    const row = page.getByRole('table', { name: 'Loaves' }).getByRole('row').filter({ hasText: 'wheat' });
    assert.deepEqual((await row.getByRole('cell').allTextContents()).slice(0, 3), [
      'wheat',
      '750.5',
      'false',
    ]);
    await row.getByText(/^\d\d-\d\d-19(69|70) /).waitFor();
    await part('chart').locator('svg[data-points="2"]').waitFor();
    assert.equal(await page.getByLabel('Loaf').inputValue(), 'rye');
    assert.equal(await page.getByLabel('Area').inputValue(), 'rye');
    assert.equal(await page.getByLabel('Ready').isChecked(), true);
    assert.equal(await page.getByRole('link', { name: 'Load' }).getAttribute('href'), PICTURE);
    assert.equal(await page.getByAltText('A picture').getAttribute('src'), PICTURE);
    assert.equal(await part('inOne').isVisible(), false);
    await page.getByRole('tab', { name: 'One' }).click();
    assert.equal(await part('inOne').isVisible(), true);
    assert.equal(await part('inTwo').isVisible(), false);
    await page.getByText('This viewer does not show widgets of the type gauge.').waitFor();
  });

  test('hands what is typed, chosen and selected to the inputs of services', async () => {
    await show('Inputs', {
      calls: { ListLoaves: {}, Bake: {}, Count: {} },
      widgets: [
        widget('ptcstextfield', 'filter', { Label: 'Filter', Width: 100 }),
        widget('ptcscheckbox', 'fast', { Label: 'Fast' }),
        widget('ptcsbutton', 'count', { Label: 'Count' }),
        widget('ptcsgrid', 'grid', {
          IDFieldName: 'name',
          RowSelection: 'multiple',
          ColumnFormat: { formatInfo: [columnOf('name')] },
        }),
        widget('ptcslabel', 'baked', {}),
        widget('ptcslabel', 'counted', {}),
      ],
      bindings: [
        ['filter#Text', 'ListLoaves>filter'],
        ['ListLoaves', 'grid#Data'],
        ['ListLoaves.selected.name', 'Bake>name'],
        ['fast#State', 'Bake>fast'],
        ['Bake.result', 'baked#LabelText'],
        ['ListLoaves.selected', 'Count>loaves'],
        ['Count.result', 'counted#LabelText'],
      ],
      events: [
        ['loaded', 'ListLoaves'],
        ['filter!EnterKeyPressed', 'ListLoaves'],
        ['ListLoaves!SelectedRowsChanged', 'Bake'],
        ['count!Clicked', 'Count'],
      ],
    });
    const grid = page.getByRole('table', { name: 'grid' });
    await grid.getByText('rye').click();
    await says('baked', /^baked rye$/);
    await page.getByLabel('Fast').check();
    await grid.getByText('wheat').click();
    await says('baked', /^baked rye fast$/);
    await button('Count').click();
    await says('counted', '2');
    await page.getByLabel('Filter').fill('wh');
    await page.keyboard.press('Enter');
    await grid.getByText('rye').waitFor({ state: 'detached' });
    // What is selected and still there stays selected.
    await says('baked', /^baked wheat fast$/);
    await page.getByRole('row', { selected: true }).getByText('wheat').waitFor();
  });

  test('runs functions: expressions, routers, confirmations, messages, timers and navigation', async () => {
    await show('Target', {
      widgets: [widget('ptcslabel', 'given', {})],
      bindings: [['@loaf', 'given#LabelText']],
    });
    const output = { AutoEvaluate: true, FireOnFirstValue: true, DataChangeType: 'VALUE' };
    await show('Functions', {
      calls: { Bake: { name: 'rye' }, ListLoaves: {} },
      widgets: [
        widget('ptcstextfield', 'name', { Label: 'Name', Width: 100 }),
        widget('ptcslabel', 'upper', {}),
        widget('ptcslabel', 'router', {}),
        widget('ptcslabel', 'baked', {}),
        widget('ptcsbutton', 'bake', { Label: 'Bake' }),
        widget('ptcsbutton', 'go', { Label: 'Go', TooltipField: 'Leads to the target.' }),
        widget('ptcslabel', 'hint', { LabelText: 'Type a name', Visible: true }),
        widget('ptcslabel', 'timed', {}),
      ],
      functions: [
        widget('expression2', 'toUpper', {
          ...output,
          Expression: 'output = name ? name.toUpperCase() : "";',
          _currentParameterDefs: [{ ParameterName: 'name' }],
        }),
        widget('expression2', 'isEmpty', {
          ...output,
          Expression: 'output = !name;',
          _currentParameterDefs: [{ ParameterName: 'name' }],
        }),
        widget('eventsrouter', 'last', {}),
        widget('ptcsconfirmation', 'ask', {
          TitleText: 'Bake',
          MessageText: 'Bake a loaf?',
          ActionButtonLabel: 'Yes',
          CancelButtonLabel: 'No',
        }),
        widget('statusmessage', 'tell', { Message: 'Nothing was baked.', MessageType: 'warning' }),
        widget('autorefreshfunction', 'timer', { AutoRefresh: true, RefreshInterval: 1 }),
        widget('navigationfunction', 'open', {
          TargetMashup: 'Target',
          MashupParameters: [{ ParameterName: 'loaf' }],
        }),
      ],
      bindings: [
        ['name#Text', 'toUpper#name'],
        ['name#Text', 'isEmpty#name'],
        ['toUpper#Output', 'upper#LabelText'],
        ['isEmpty#Output', 'go#Disabled'],
        ['isEmpty#Output', 'hint#Visible'],
        ['name#Text', 'last#Input1'],
        ['Bake.result', 'last#Input2'],
        ['last#Output', 'router#LabelText'],
        ['Bake.result', 'baked#LabelText'],
        ['name#Text', 'open#loaf'],
        ['ListLoaves.name', 'timed#LabelText'],
      ],
      events: [
        ['bake!Clicked', 'ask#OpenConfirmation'],
        ['ask!ActionClick', 'Bake'],
        ['ask!CancelClick', 'tell#ShowMessage'],
        ['go!Clicked', 'open#Navigate'],
        ['timer!Refresh', 'ListLoaves'],
      ],
    });
    await says('timed', 'rye');
    await button('Bake').click();
    await page.getByRole('dialog', { name: 'Bake' }).getByRole('button', { name: 'No' }).click();
    await notice('Nothing was baked.');
    assert.equal(await part('baked').textContent(), '');
    await button('Bake').click();
    await page.getByRole('dialog', { name: 'Bake' }).getByRole('button', { name: 'Yes' }).click();
    await says('baked', 'baked rye');
    await says('router', 'baked rye');
    await page.getByLabel('Name').fill('x');
    await page.getByLabel('Name').fill('');
    await part('hint').waitFor({ state: 'visible' });
    assert.equal(await button('Go').isDisabled(), true);
    assert.equal(await button('Go').getAttribute('title'), 'Leads to the target.');
    await page.getByLabel('Name').fill('rye & oat');
    await says('upper', 'RYE & OAT');
    await says('router', 'rye & oat');
    await part('hint').waitFor({ state: 'hidden' });
    await button('Go').click();
    await says('given', 'rye & oat');
  });

  test('tells when a service fails, and keeps what it showed', async () => {
    await show('Failing', {
      calls: { Bake: { name: 'rye' }, Burn: {}, Vanish: {} },
      widgets: [
        widget('ptcslabel', 'baked', {}),
        widget('ptcslabel', 'burnt', {}),
        widget('ptcsbutton', 'burn', { Label: 'Burn' }),
        widget('ptcsbutton', 'vanish', { Label: 'Vanish' }),
      ],
      bindings: [
        ['Bake.result', 'baked#LabelText'],
        ['Burn.result', 'burnt#LabelText'],
      ],
      events: [
        ['loaded', 'Bake'],
        ['burn!Clicked', 'Burn'],
        ['Burn!ServiceInvokeCompleted', 'Bake'],
        ['vanish!Clicked', 'Vanish'],
      ],
    });
    await says('baked', 'baked rye');
    await button('Burn').click();
    await notice(/Burn: 500: .*The oven is too hot\./);
    await button('Vanish').click();
    await notice(/Vanish: 404/);
    await says('baked', 'baked rye');
  });

  test('tells of bindings and events that lead nowhere', async () => {
    await show('Wrong', {
      calls: { ListLoaves: {} },
      widgets: [widget('ptcslabel', 'here', {})],
      bindings: [
        ['ListLoaves.name', 'nowhere#LabelText'],
        ['Eat.result', 'here#LabelText'],
        ['ListLoaves.colour', 'here#LabelText'],
      ],
      events: [
        ['loaded', 'ListLoaves'],
        ['gone!Clicked', 'ListLoaves'],
      ],
    });
    await notice('Binding binding-1: there is no widget nowhere');
    await notice('Binding binding-2: data source Things_Bakery has no service Eat');
    await notice('Event event-2: there is no widget gone');
    await notice('Binding binding-3: ListLoaves gives no field colour');
  });

  test('calls services with the rights of who is logged in', async () => {
    await client.result('Resources/EntityServices', 'CreateUser', {
      name: 'apprentice',
      password: 'a-Long-Enough-1',
    });
    const visible = { principal: 'Everyone', principalType: 'Organization' };
    await show('Guarded', {
      calls: { Bake: { name: 'rye' } },
      widgets: [widget('ptcslabel', 'baked', {})],
      bindings: [['Bake.result', 'baked#LabelText']],
      events: [['loaded', 'Bake']],
    });
    await says('baked', 'baked rye');
    for (const entity of ['Mashups/Guarded', 'Things/Bakery'])
      await client.result(entity, 'AddVisibilityPermission', visible);
    await button('Log out').click();
    await login(page, 'apprentice', 'a-Long-Enough-1');
    await page.locator('#user').filter({ hasText: 'apprentice' }).waitFor();
    await notice(/Bake: 403/);
    assert.equal(await part('baked').textContent(), '');
  });

  test('has no fault in the page', () => {
    assert.deepEqual(faults, []);
  });
});
