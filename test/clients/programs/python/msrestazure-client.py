from msrestazure.azure_active_directory import MSIAuthentication

from answer import answer


def create(kind, resource, name, value):
    name = "msi_res_id" if name == "resource_id" else name
    options = {} if name == "default" else {name: value}
    credentials = MSIAuthentication(resource=resource, **options)

    def get_token():
        credentials.set_token()
        return credentials.token["access_token"]

    return get_token


answer(create)
