import type { Client } from './platform-support.ts';

/** A user in a group, with a key; visibility through an organization. */
export async function operator(client: Client): Promise<string> {
  const services = 'Resources/EntityServices';
  await client.result(services, 'CreateUser', { name: 'olga', password: 'secret-1' });
  await client.result(services, 'CreateGroup', { name: 'Operators' });
  await client.result('Groups/Operators', 'AddMember', { member: 'olga', type: 'User' });
  await client.result(services, 'CreateOrganization', { name: 'Plant', topOUName: 'Root' });
  await client.result('Organizations/Plant', 'AddMember', {
    name: 'Root',
    member: 'Operators',
    type: 'Group',
  });
  await client.result(services, 'CreateApplicationKey', { name: 'OlgaKey', user: 'olga' });
  return String(await client.result('ApplicationKeys/OlgaKey', 'GetKeyID'));
}

export function allow(
  client: Client,
  entity: string,
  type: string,
  resource = '*',
  more: Record<string, unknown> = {},
) {
  return client.result(entity, 'AddRunTimePermission', {
    principal: 'Operators',
    principalType: 'Group',
    type,
    resource,
    allow: true,
    ...more,
  });
}

export function show(client: Client, entity: string) {
  return client.result(entity, 'AddVisibilityPermission', {
    principal: 'Plant',
    principalType: 'Organization',
  });
}
