import type { AccessSettings, ListenerAccessSettings } from '#auth/access-control.ts';
import type { Config } from '#config/schema.ts';

/** Who gets in and what they may do, as the auth room wants it said. */
export function accessSettingsOf({ authentication, authorization, listeners }: Config): AccessSettings {
  const users = Object.entries(authentication.users).map(([name, { passwordHash, scram, isSuperuser }]) => {
    const user = {
      ...(passwordHash === null ? {} : { password: passwordHash }),
      ...(scram === null ? {} : { scram }),
      superuser: isSuperuser,
    };
    return [name, user] as const;
  });
  const byListener = Object.entries(listeners).map(([name, { isAnonymousAllowed, tls }]): [string, ListenerAccessSettings] => {
    return [name, { anonymous: isAnonymousAllowed ? 'always' : 'never', certificate: tls.certificateAs, users: true }];
  });
  return {
    anonymous: 'never',
    certificate: 'off',
    users: Object.fromEntries(users),
    passwordFile: { path: authentication.passwordFile, isRequired: authentication.isPasswordFileRequired },
    rules: authorization.rules,
    noMatch: authorization.rules === null ? 'deny' : authorization.default,
    listeners: Object.fromEntries(byListener),
  };
}
